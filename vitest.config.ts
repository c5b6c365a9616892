import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: ["tests/temporary-files.ts"],
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    testTimeout: 60_000,
    reporters: ["default", "./tests/summary-reporter.ts"],
    maxWorkers: 2,
  },
});
