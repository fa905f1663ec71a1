/** A container of a running task. */
export interface ContainerReference {
  /** Name or ARN of the ECS cluster. */
  readonly cluster: string;
  /** Id or ARN of the task. */
  readonly task: string;
  /** Name of the container in the task definition. */
  readonly container: string;
}
