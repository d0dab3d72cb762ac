// A folder up and down over TLS with npm's basic-ftp: basic_ftp.cjs HOST PORT CA MODE (MODE: explicit or implicit)
// It resumes the TLS session of the control connection always. Prints nothing and ends with status 0 if every step did
// what it should.

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { Client } = require(path.join(__dirname, "../../.test-tools/basic-ftp/node_modules/basic-ftp"));

async function main([host, port, ca, mode]) {
  const client = new Client(30_000);
  try {
    await client.access({
      host,
      port: Number(port),
      user: "demo",
      password: "demo",
      secure: mode === "implicit" ? "implicit" : true,
      secureOptions: { ca: fs.readFileSync(ca), servername: "localhost" },
    });
    fs.mkdirSync("tree/inner", { recursive: true });
    const content = Buffer.alloc(400_000, "basic-ftp ");
    fs.writeFileSync("tree/one", content);
    fs.writeFileSync("tree/inner/two", content.subarray(0, 1000));
    await client.uploadFromDir("tree", "basic");
    await client.downloadToDir("back", "basic");
    assert(fs.readFileSync("back/one").equals(content));
    assert.equal(fs.statSync("back/inner/two").size, 1000);
    await client.appendFrom("tree/inner/two", "basic/inner/two");
    assert.equal(await client.size("basic/inner/two"), 2000);
    fs.writeFileSync("rest", content.subarray(0, 399_000));
    await client.downloadTo("rest", "basic/one", 399_000);
    assert(fs.readFileSync("rest").equals(content));
    const names = (await client.list("basic")).map((entry) => entry.name).sort();
    assert.deepEqual(names, ["inner", "one"]);
    await client.rename("basic/one", "basic/renamed");
    await client.removeDir("basic");
    assert.deepEqual(await client.list(), []);
  } finally {
    client.close();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
