import { GearmanError, JobExceptionError } from "../index.js";

/** What a program that has ended says. */
export enum ExitCode {
  DONE = 0,
  /** It was understood, and could not be done. */
  FAILED = 1,
  /** It was not understood. */
  USAGE = 2,
}

/** Something that a command was told is wrong. */
export class UsageError extends Error {}

/** Something that could not be done, in words. */
export class Failure extends Error {}

/** What to say of an error, and how to end. Only a bug of Edgear's own shows where it is. */
export function describe(error: unknown): { code: ExitCode; message: string } {
  const { message, stack, code } = error as NodeJS.ErrnoException;
  const words = process.env.EDGEAR_DEBUG && stack ? stack : message;
  if (error instanceof JobExceptionError)
    return { code: ExitCode.FAILED, message: `the job ${error.handle} ended with an exception: ${words}` };
  // The library says by a TypeError that an argument is wrong. What engines say themselves names no argument.
  if (error instanceof UsageError || (error instanceof TypeError && !code))
    return { code: ExitCode.USAGE, message: words };
  // What the system says has a code: a file that isn't there, for example.
  if (error instanceof GearmanError || error instanceof Failure || code)
    return { code: ExitCode.FAILED, message: words };
  return { code: ExitCode.FAILED, message: stack ?? String(error) };
}
