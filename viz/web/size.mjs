// What the page weighs: gzipped script and sheet, and whether that is within bounds.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 60_000; // bytes of gzipped script

/** The files that the build is made of, in order. */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? sources(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

const files = [...sources("src"), "index.html", "package-lock.json", "tsconfig.json", "vite.config.ts"];
const digest = createHash("sha256");
for (const file of files) digest.update(file.replaceAll("\\", "/")).update("\0").update(readFileSync(file)).update("\0");
writeFileSync("dist/sources.sha256", `${digest.digest("hex")}\n`);

const [script, sheet] = ["room.js", "room.css"].map((name) => gzipSync(readFileSync(join("dist", name)), { level: 9 }).length);
console.log(`script ${(script / 1000).toFixed(1)} kB gzipped (at most ${LIMIT / 1000}), sheet ${(sheet / 1000).toFixed(1)} kB`);
if (script > LIMIT) process.exitCode = 1;
