// The configuration: as people write it, and as the machine reads it.

import { toError } from "./errors.js";
import type { Config, CredentialKey, Provider } from "./machine.js";
import { PRESETS } from "./wasm/presets.js";

/** A configuration in the form of a transcript's first line: the provider is whole. */
export type WholeConfig = Pick<Config, "account" | "client_secret" | "redirect_uri" | "resources" | "timing"> & { provider: Provider };

/** What changes the provider; the machine's reader checks their types there. */
const OF_THE_PROVIDER = ["client_id", "client_authentication", "scopes"] as const;

const KEPT = ["account", "client_secret", "redirect_uri", "resources", "timing"] as const;

const KNOWN: readonly string[] = [...OF_THE_PROVIDER, ...KEPT, "provider", "issuer", "endpoints", "authorize_parameters"];

/** Puts a configuration together. Throws a `MisuseError` when it does not say which server is meant. */
export function whole(config: Config): WholeConfig {
  if (typeof config !== "object" || config === null || Array.isArray(config)) throw wrongValue("the configuration: it is not an object");
  const unknown = Object.keys(config).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw wrongValue(`the configuration: unknown member \`${unknown}\`, expected one of ${KNOWN.join(", ")}`);
  const provider: Provider = { ...named(config), ...picked(config, OF_THE_PROVIDER) };
  const { authorize_parameters: more } = config;
  if (more != null) provider.authorize_parameters = Array.isArray(more) ? [...(provider.authorize_parameters ?? []), ...more] : more;
  return { ...picked(config, KEPT), provider };
}

/** Which credential a configuration leads to. */
export function keyOf({ provider, account }: WholeConfig): CredentialKey {
  return { provider: provider.id, client_id: provider.client_id ?? "", account: account ?? "default" };
}

function named({ provider, issuer, endpoints }: Config): Provider {
  if (provider != null) {
    if (issuer != null || endpoints != null) throw wrong("it has its issuer and endpoints in itself");
    return typeof provider === "string" ? builtIn(provider) : provider;
  }
  if (endpoints != null) {
    const id = endpoints.token;
    return { id, name: id, endpoints, ...(issuer != null && { issuer }) };
  }
  if (issuer == null) throw wrong("a provider, an issuer or endpoints are needed");
  return { id: issuer, name: issuer, issuer };
}

function builtIn(name: string): Provider {
  const found = PRESETS.find(({ id }) => id === name);
  if (!found) throw wrong("there is no built-in provider of that name");
  return found;
}

/** The members that are there: null is as good as none. */
function picked<Name extends keyof Config>(config: Config, names: readonly Name[]): Pick<Config, Name> {
  return Object.fromEntries(names.filter((name) => config[name] != null).map((name) => [name, config[name]])) as Pick<Config, Name>;
}

function wrong(problem: string): Error {
  return toError({ misuse: { code: "config", message: `provider: ${problem}` } });
}

function wrongValue(message: string): Error {
  return toError({ misuse: { code: "wrong_value", message } });
}
