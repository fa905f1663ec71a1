// Takes the place of the SDK's `@aws-sdk/credential-provider-node` in the bundles. Lambda hands a function
// its role's credentials in these variables and in no other way; the SDK's chain of providers (profiles, SSO,
// STS, container, instance) is a third of a bundle.

/** The one export of that package which the clients use. */
export function defaultProvider() {
  return async () => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
    if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
      throw new Error(
        "Reading the function's credentials failed: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set. Lambda sets both; elsewhere set them yourself.",
      );
    }
    return {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    };
  };
}
