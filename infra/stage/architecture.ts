import type { StageSettings } from "@dbward-aws/settings";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as lambda from "aws-cdk-lib/aws-lambda";

type Architecture = StageSettings["architecture"];

/** The processor of a stage's tasks and functions, in the CDK's terms. */
export const ARCHITECTURES: Readonly<
  Record<Architecture, { readonly task: ecs.CpuArchitecture; readonly function: lambda.Architecture }>
> = {
  arm64: { task: ecs.CpuArchitecture.ARM64, function: lambda.Architecture.ARM_64 },
  x86_64: { task: ecs.CpuArchitecture.X86_64, function: lambda.Architecture.X86_64 },
};
