import { GetParametersCommand, type Parameter } from "@aws-sdk/client-ssm";
import { METRICS_PERMISSION, METRICS_ROLE } from "@dbward-aws/contract";
import { checkAgentText, checkServerText, type StageSettings, type TextFindings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import type { PreflightFindings } from "./findings.ts";

/** The configuration texts in SSM: there, encrypted, and such that dbward takes them. */
export async function checkParameters(
  settings: StageSettings,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const checks = new Map<string, ((text: string) => TextFindings)[]>();
  const want = (name: string, check: (text: string) => TextFindings) =>
    checks.set(name, [...(checks.get(name) ?? []), check]);
  const { server, agents } = settings;
  if (server.config.source === "ssm") {
    const { parameter } = server.config;
    want(parameter, (text) => withRoleWarning(parameter, text, checkServerText(parameter, text, settings)));
  }
  for (const agent of agents)
    if (agent.config.source === "ssm") {
      const { parameter } = agent.config;
      want(parameter, (text) => checkAgentText(parameter, text, agent));
    }

  const found = await readParameters(clients, [...checks.keys()]);
  for (const [name, checkTexts] of checks) {
    const parameter = found.get(name);
    if (!parameter) {
      findings.refuse(
        `SSM parameter ${name} is missing. Run: ` +
          `aws ssm put-parameter --type SecureString --name ${name} --value file://FILE`,
      );
      continue;
    }
    if (parameter.Type !== "SecureString")
      findings.warn(`SSM parameter ${name} is a ${parameter.Type}; a SecureString is encrypted`);
    for (const check of checkTexts) {
      const { problems, warnings } = check(parameter.Value ?? "");
      for (const { where, message } of problems) findings.refuse(`SSM parameter ${where}: ${message}`);
      for (const warning of warnings) findings.warn(`SSM parameter ${warning}`);
    }
  }
}

/** `GetParameters` takes this many names. */
const NAMES_A_CALL = 10;

async function readParameters(
  clients: AwsClients,
  names: readonly string[],
): Promise<Map<string, Parameter>> {
  const found = new Map<string, Parameter>();
  for (let at = 0; at < names.length; at += NAMES_A_CALL) {
    const { Parameters = [] } = await during(
      "Reading the SSM parameters",
      clients.ssm.send(
        new GetParametersCommand({ Names: names.slice(at, at + NAMES_A_CALL), WithDecryption: true }),
      ),
    );
    for (const parameter of Parameters) found.set(parameter.Name!, parameter);
  }
  return found;
}

/** A deployment doesn't change a text in SSM, so the poller's role is for its owner to add. */
function withRoleWarning(name: string, text: string, findings: TextFindings): TextFindings {
  if (findings.problems.length > 0 || text.includes(METRICS_ROLE)) return findings;
  const warning =
    `${name} has no role "${METRICS_ROLE}", so the poller gets no token. Add: ` +
    `[[auth.roles]] name = "${METRICS_ROLE}" permissions = ["${METRICS_PERMISSION}"], each on a line of its own`;
  return { ...findings, warnings: [...findings.warnings, warning] };
}
