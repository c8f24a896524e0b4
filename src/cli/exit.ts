import { ConfigError, GearmanError, JobExceptionError } from "../index.js";

/** What a program that has ended says. */
export enum ExitCode {
  DONE = 0,
  /** It was understood, and could not be done. */
  FAILED = 1,
  /** It was not understood. */
  USAGE = 2,
  /** `edgear pool`: it runs already. */
  RUNS_ALREADY = 3,
  /** `edgear pool`: it doesn't run. */
  RUNS_NOT = 4,
  /** `edgear pool`: it doesn't run, though its pid file says so: it was killed. */
  STALE = 5,
  /** `edgear pool`: handlers or hooks don't load. */
  NOT_LOADED = 6,
  /** `edgear pool`: it runs, and doesn't answer. */
  SILENT = 7,
}

/** Something that a command was told is wrong. */
export class UsageError extends Error {}

/** Something that could not be done, in words. */
export class Failure extends Error {
  readonly exit: ExitCode;

  constructor(message: string, exit = ExitCode.FAILED, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** What engines say of a bug; what the library says of a wrong argument has words of its own. */
const BUG =
  /^Cannot (read|set|access|convert|destructure|assign|define|delete|add|create|perform|use|mix)\b|\bis not (a function|a constructor|iterable|async iterable|defined)\b|\b(undefined|null) (is|has)\b|^(Class constructor|Illegal|Invalid (attempt|array|receiver)|Method |Reduce of|Assignment to|Converting circular|Do not know how)/;

/**
 * The library's advice on TLS, by what can be given here. A command line has none of these options, and Node reads the
 * authorities from a file.
 */
const ADVICE: readonly [option: RegExp, words: string][] = [
  [/give (the certificate of its authority|that one) as tls\.ca/g, "give $1 in a file, as NODE_EXTRA_CA_CERTS=ca.pem"],
  [/, or give the name as tls\.servername/g, ""],
  [/ \(tls\.cert and tls\.key\)/g, " (which this command has no option for: the library has tls.cert and tls.key)"],
  [/ \(tls\.(ALPNProtocols|servername)\)/g, ""],
  [/tls\.minVersion; /g, ""],
  [/, or leave tls out\)/g, ")"],
  [/gearmans:\/\/ or tls\)/g, "gearmans://)"],
];

/** What to say of an error, and how to end. Only a bug of Edgear's own shows where it is. */
export function describe(error: unknown): { code: ExitCode; message: string } {
  const { message, stack, code } = error as NodeJS.ErrnoException;
  const plain =
    error instanceof JobExceptionError
      ? message
      : ADVICE.reduce((m, [from, to]) => m.replace(from, to), String(message));
  const words = process.env.EDGEAR_DEBUG && stack ? stack : plain;
  if (error instanceof JobExceptionError)
    return { code: ExitCode.FAILED, message: `the job ${error.handle} ended with an exception: ${words}` };
  // What is wrong in a configuration was told to the command, too.
  if (error instanceof ConfigError) return { code: ExitCode.USAGE, message: words };
  // The library says by a TypeError that an argument is wrong. What engines say themselves names no argument.
  if (error instanceof UsageError || (error instanceof TypeError && !code && !BUG.test(message)))
    return { code: ExitCode.USAGE, message: words };
  if (error instanceof Failure) return { code: error.exit, message: words };
  // What the system says has a code: a file that isn't there, for example.
  if (error instanceof GearmanError || code) return { code: ExitCode.FAILED, message: words };
  return { code: ExitCode.FAILED, message: stack ?? String(error) };
}
