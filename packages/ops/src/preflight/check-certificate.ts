import { DescribeCertificateCommand } from "@aws-sdk/client-acm";
import { regionOfArn, type StageSettings } from "@dbward-aws/settings";
import { ifThere } from "@dbward-aws/stage";
import type { AccountClients } from "./account-clients.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

const SETTING = "server.loadBalancer.certificateArn";
/** ACM renews its own certificates 60 days before they expire; an imported one that expires sooner was forgotten. */
const SOON_MS = 30 * 24 * 3600_000;

/** A listener needs a certificate of its own region that is issued and not about to expire. */
export async function checkCertificate(
  { server }: StageSettings,
  region: string,
  { acm }: Pick<AccountClients, "acm">,
  findings: PreflightFindings,
  now = Date.now(),
): Promise<void> {
  const arn = server.loadBalancer?.certificateArn;
  if (arn === undefined) return;
  // A certificate in another region is a mistake of the settings, which `regionProblems` reports.
  if (regionOfArn(arn) !== region) return;
  const found = await unlessDenied(
    `The certificate (${SETTING})`,
    "acm:DescribeCertificate",
    findings,
    async () => ({
      certificate: (
        await ifThere(
          "Looking up the certificate",
          acm.send(new DescribeCertificateCommand({ CertificateArn: arn })),
          "ResourceNotFoundException",
        )
      )?.Certificate,
    }),
  );
  if (!found) return;
  const { certificate } = found;
  if (!certificate) findings.refuse(`The certificate (${SETTING}) doesn't exist in this account and region`);
  else if (certificate.Status === "PENDING_VALIDATION")
    findings.refuse(
      `The certificate (${SETTING}) is not issued yet. Add the DNS record that ACM asks for, or follow the link in its email, and wait until the status is ISSUED`,
    );
  else if (certificate.Status !== "ISSUED")
    findings.refuse(`The certificate (${SETTING}) is ${certificate.Status}: request or import another one`);
  else if (certificate.NotAfter && certificate.NotAfter.getTime() - now < SOON_MS)
    findings.warn(
      `The certificate (${SETTING}) is valid only until ${certificate.NotAfter.toISOString().slice(0, 10)}. Renew it, or import a new one`,
    );
}
