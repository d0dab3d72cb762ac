// What SchemaStore's tool does with a schema of draft 07 that stands in its list `ajvNotStrictMode`: an unknown format or keyword is
// an error, and so is a file that does not fit. Arguments: the schema, and files of YAML.
const { readFileSync } = require("node:fs");
const Ajv = require("ajv").default;
const YAML = require("yaml");

const [schema, ...files] = process.argv.slice(2);
const options = { strictTypes: false, strictTuples: false, allowMatchingProperties: true };
const fits = new Ajv(options).compile(JSON.parse(readFileSync(schema, "utf8")));
for (const file of files) {
  if (!fits(YAML.parse(readFileSync(file, "utf8")))) throw new Error(`${file}: ${JSON.stringify(fits.errors)}`);
}
console.log(`taken, and ${files.length} files`);
