/** One statement of a role's policies, as a template has it. */
export interface RoleStatement {
  /** Logical id of the role. */
  readonly role: string;
  readonly effect: "Allow" | "Deny";
  /** Sorted. */
  readonly actions: readonly string[];
  /** What it is about, fit to be read: `*`, or names of resources. */
  readonly resources: readonly string[];
  /** `KEY OPERATOR VALUE`. */
  readonly conditions: readonly string[];
}

/** The parts that are read of a template. */
interface Template {
  // biome-ignore lint/suspicious/noExplicitAny: a template is untyped JSON
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: any }>>;
}

/** Every statement of the roles in a template: inline, and in policies of their own. */
export function roleStatements(template: Template): RoleStatement[] {
  return Object.entries(template.Resources ?? {}).flatMap(([id, { Type, Properties = {} }]) => {
    if (Type === "AWS::IAM::Role")
      return (Properties.Policies ?? []).flatMap((policy: Policy) => read(withoutHash(id), policy));
    if (Type !== "AWS::IAM::Policy" && Type !== "AWS::IAM::ManagedPolicy") return [];
    return (Properties.Roles ?? []).flatMap((role: unknown) => read(shown(role), Properties));
  });
}

/** Managed policies that the roles of a template have, `ROLE POLICY`. */
export function managedPolicies(template: Template): string[] {
  return Object.entries(template.Resources ?? {}).flatMap(([id, { Type, Properties = {} }]) =>
    Type === "AWS::IAM::Role"
      ? (Properties.ManagedPolicyArns ?? []).map((arn: unknown) => `${id} ${shown(arn)}`)
      : [],
  );
}

interface Policy {
  readonly PolicyDocument: {
    readonly Statement: readonly {
      readonly Effect: "Allow" | "Deny";
      readonly Action: string | readonly string[];
      readonly Resource: unknown;
      readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    }[];
  };
}

function read(role: string, { PolicyDocument }: Policy): RoleStatement[] {
  return PolicyDocument.Statement.map(({ Effect, Action, Resource, Condition = {} }) => ({
    role,
    effect: Effect,
    actions: [Action].flat().sort(),
    resources: [Resource].flat().map(shown),
    conditions: Object.entries(Condition).flatMap(([operator, keys]) =>
      Object.entries(keys).map(
        ([key, value]) => `${key} ${operator} ${[value].flat().map(shown).join(" or ")}`,
      ),
    ),
  }));
}

/**
 * A value of a template as people read it: the hash of a logical id and the parts that only CloudFormation
 * needs are left out.
 */
function shown(value: unknown): string {
  if (typeof value === "string")
    return value.replace(/^arn:\w+:(\w+):[\w-]*:(?:ACCOUNT|\d*):/, "$1 ").replace(/-\?{6}$/, "");
  const [[name, inner] = []] = Object.entries(value as object);
  if (name === "Ref") return PSEUDO_PARAMETERS[inner] ?? withoutHash(inner);
  if (name === "Fn::GetAtt") return withoutHash(inner[0]);
  if (name === "Fn::Join") return shown(inner[1].map(shown).join(inner[0]));
  if (name === "Fn::Sub") return String([inner].flat()[0]);
  // `<stack>:ExportsOutputFnGetAtt<logical id><attribute><hash>`
  if (name === "Fn::ImportValue")
    return withoutHash(
      shown(inner)
        .replace(/^.*?:ExportsOutput(FnGetAtt|Ref)/, "")
        .replace(/[0-9A-F]{8}$/, ""),
    );
  throw new Error(`${name} of a template can't be shown`);
}

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  "AWS::Partition": "aws",
  "AWS::AccountId": "ACCOUNT",
  "AWS::Region": "REGION",
};

function withoutHash(logicalId: string): string {
  return logicalId
    .replace(
      /^SsmParameterValue.*?agenttokensecret(\w+?)C96584B6\w+$/,
      "secret that an SSM parameter names, of agent $1's token",
    )
    .replace(/[0-9A-F]{8}(Arn|Id)?$/, "");
}
