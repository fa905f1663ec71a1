/**
 * A task can't be started; the message is `stoppedReason` as ECS words it, and never holds a secret's value.
 */
export class TaskStartFailed extends Error {
  override readonly name = "TaskStartFailed";
}
