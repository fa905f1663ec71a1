import { partition } from "@aws-sdk/core/client";
import { expect, it } from "vitest";
import { PARTITIONS } from "./regions.ts";

it.each(PARTITIONS)("the table has $name as the AWS SDK has it", ({ regions, ...expected }) => {
  // The SDK takes any other name for a region of the commercial partition, without a description.
  for (const region of regions)
    expect(partition(region)).toMatchObject({ ...expected, description: expect.any(String) });
});
