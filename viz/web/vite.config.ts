import { defineConfig } from "vite";

// One script and one sheet under fixed names: Python inlines them into a static page, or serves them.
export default defineConfig({
  base: "/static/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    target: "es2023",
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        format: "iife",
        entryFileNames: "room.js",
        assetFileNames: "room.[ext]",
      },
    },
  },
});
