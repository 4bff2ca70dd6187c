import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["tests/unit/*.test.ts"], pool: "threads", maxWorkers: 1, isolate: false, testTimeout: 60_000 } });
