export { type AwsClients, createAwsClients } from "./aws-clients.ts";
export { AwsCallError, during, ifThere, isDenied } from "./aws-error.ts";
export { backupVaults } from "./backup-vaults.ts";
export { type ConsoleLinks, consoleLinks } from "./console-links.ts";
export { type DeployedNames, deployedNames, type NamedService, readNames } from "./deployed-names.ts";
export { type DoctorOptions, diagnose } from "./doctor/diagnose.ts";
export { exportsInUse } from "./exports-in-use.ts";
export type { Finding } from "./finding.ts";
export {
  type AwsIdentity,
  type ConfirmedIdentity,
  chooseIdentity,
  confirmIdentity,
  type IdentityChoice,
  IdentityError,
  knownProfiles,
  readAccount,
  takeIdentity,
} from "./identity.ts";
export {
  describeTaskDefinition,
  functionLogGroup,
  LogGroupUnknownError,
  type ScheduledFunction,
  serviceLogGroups,
} from "./log-groups.ts";
export {
  type DescribedNetwork,
  defaultRoute,
  describeNetwork,
  egressOf,
  routeTableOf,
} from "./look-up/describe-network.ts";
export { factsOf, lookUpFacts } from "./look-up/look-up-facts.ts";
export { findKeys } from "./look-up/look-up-keys.ts";
export { everyItem } from "./pages.ts";
export { describeSecret, type SecretState } from "./secret-state.ts";
export {
  connectToServer,
  type FindOptions,
  type ForwardOptions,
  findRunningContainer,
  forwardFromServer,
  type RunningContainer,
  type ServerConnection,
  type ServerConnectionOptions,
  ServerExecDisabledError,
  ServiceNotRunningError,
  type ServiceReference,
} from "./server-connection.ts";
export { eventsByTime, findTasks, lastEnd, type TaskFilter } from "./service-tasks.ts";
export { findStack, firstFailedEvent, firstFailure } from "./stacks.ts";
export { type LiveStack, liveStacks, resourceIds } from "./stage-stacks.ts";
export { type TokenSecret, tokenSecrets } from "./token-secrets.ts";
export { itemsOf, type Part } from "./view/part.ts";
export type { AlarmChange, AlarmView } from "./view/read-alarms.ts";
export type { MetricView } from "./view/read-metrics.ts";
export {
  describeServices,
  describeStop,
  type ServiceView,
  type TaskStop,
  type TaskView,
} from "./view/read-services.ts";
export {
  readStage,
  type StackView,
  type StageClients,
  type StageReadOptions,
  type StageView,
} from "./view/read-stage.ts";
export { readToken, type TokenView } from "./view/read-tokens.ts";
export { isDeployed, isDeploying, isStoppedByHours, statusFindings } from "./view/status-findings.ts";
