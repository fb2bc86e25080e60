// `compress.mjs FOLDER` puts a Brotli copy, NAME.br, beside each file that it makes smaller.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = process.argv[2];
for (const name of readdirSync(folder).filter((file) => !file.endsWith(".br"))) {
  const content = readFileSync(join(folder, name));
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  const compressed = brotliCompressSync(content, { params });
  if (compressed.length < content.length) {
    writeFileSync(join(folder, `${name}.br`), compressed);
  }
}
