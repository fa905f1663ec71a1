/** Region when nothing names one, as in SST. */
const FALLBACK = "us-east-1";

/**
 * The region of a deployment, from the variables that the AWS tools read. Every way of making the templates asks here,
 * so that they agree.
 */
export function deploymentRegion(environment: NodeJS.ProcessEnv = process.env): string {
  return (
    environment.AWS_REGION || environment.AWS_DEFAULT_REGION || environment.CDK_DEFAULT_REGION || FALLBACK
  );
}
