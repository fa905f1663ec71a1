/** An error that goes to the caller as ECS's own; never seen by a person of this project. */
export class EcsRefusal extends Error {
  override readonly name = "EcsRefusal";
  /** Such as `InvalidParameterException`. */
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}
