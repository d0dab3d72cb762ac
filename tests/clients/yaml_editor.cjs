// An editor with a YAML language server, as a person has one: it opens a file, and asks for help at places in it.
// Arguments: the program of the server, the file, and places as JSON: [{ "ask": "hover" | "completion", "line": 0, "character": 0 }].
// Prints what the server says as one JSON object.
const { spawn } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const rpc = require("vscode-jsonrpc/node");

const [program, file, places] = process.argv.slice(2);
// No catalog of schemas is asked for, nor what the schema names: nothing leaves this machine.
const nobodyAsked = join(__dirname, "nobody_asked.cjs");
const server = spawn(process.execPath, ["--require", nobodyAsked, program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const connection = rpc.createMessageConnection(
  new rpc.StreamMessageReader(server.stdout),
  new rpc.StreamMessageWriter(server.stdin),
);
server.on("exit", (status) => process.exit(status ? 1 : 0));

const settings = { validate: true, hover: true, completion: true, schemaStore: { enable: false }, schemas: {} };
connection.onRequest("workspace/configuration", ({ items }) =>
  items.map(({ section }) => (section === "yaml" ? settings : section === "http" ? { proxy: "", proxyStrictSSL: false } : {})),
);
connection.onRequest("client/registerCapability", () => null);
const uri = pathToFileURL(file).href;
const diagnosed = new Promise((resolve) => {
  connection.onNotification("textDocument/publishDiagnostics", (params) => {
    if (params.uri === uri) resolve(params.diagnostics);
  });
});
connection.listen();

(async () => {
  await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: { workspace: { configuration: true }, textDocument: { hover: { contentFormat: ["plaintext"] } } },
  });
  await connection.sendNotification("initialized", {});
  await connection.sendNotification("workspace/didChangeConfiguration", { settings: { yaml: settings } });
  const text = readFileSync(file, "utf8");
  await connection.sendNotification("textDocument/didOpen", {
    textDocument: { uri, languageId: "yaml", version: 1, text },
  });
  const diagnostics = await diagnosed;
  const answers = [];
  for (const { ask, line, character } of JSON.parse(places)) {
    const where = { textDocument: { uri }, position: { line, character } };
    answers.push(await connection.sendRequest(`textDocument/${ask}`, where));
  }
  console.log(JSON.stringify({ diagnostics, answers }));
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
})();
