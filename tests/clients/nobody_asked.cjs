// For `node --require`: a program that asks another machine for anything, or for its address, says so and ends with 3.
const dns = require("node:dns");
const net = require("node:net");

function refused(what) {
  return (target) => {
    process.stderr.write(`${what}: ${JSON.stringify(target.host ?? target.path ?? target)}\n`);
    process.exit(3);
  };
}

dns.lookup = refused("it looked up a name");
dns.promises.lookup = dns.lookup;
net.Socket.prototype.connect = refused("it connected");
