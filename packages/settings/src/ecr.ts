/** Whether an image, or its repository, is in a private registry of ECR, in whichever account: pulled through VPC endpoints. */
export function isEcr(image: string): boolean {
  return /^\d{12}\.dkr[.-]ecr\./.test(image);
}
