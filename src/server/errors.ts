/*
 * The ERROR packets that a server answers with. The first ones are gearmand's, code and text; the others are sent
 * before a connection is closed which gearmand closes, or leaves waiting, without a word.
 */
import { ARGUMENTS_TOO_LONG, MISSING_ARGUMENT, TOO_LARGE } from "../../assembly/layout.js";
import { MAX_ARGUMENTS_SIZE } from "../../assembly/protocol.js";
import { Fault } from "../codec/fault.js";

export interface Refusal {
  readonly code: string;
  readonly text: string;
}

const refusal = (code: string, text: string): Refusal => ({ code, text });

export const ERRORS = {
  INVALID_MAGIC: refusal("INVALID_MAGIC", "Request magic expected"),
  INVALID_COMMAND: refusal("INVALID_COMMAND", "Command not expected"),
  UNIQUE_TOO_LARGE: refusal("ARGUMENT_TOO_LARGE", "Unique value too large"),
  HANDLE_TOO_LARGE: refusal(
    "ARGUMENT_TOO_LARGE",
    "Error occurred due to GEARMAND_JOB_HANDLE_SIZE being too small from snprintf",
  ),
  QUEUE_FULL: refusal("QUEUE_ERROR", "Job queue is full"),
  UNKNOWN_OPTION: refusal("UNKNOWN_OPTION", "Server does not recognize given option"),
  NO_SUCH_JOB: refusal("JOB_NOT_FOUND", "Job does not exist on server"),
  NO_SUCH_RESULT: refusal("JOB_NOT_FOUND", "Job given in work result not found"),
  NO_SUCH_EXCEPTION: refusal("JOB_NOT_FOUND", "An exception was received for a job that does not exist"),
};

/** A packet's arguments don't fit the 8 KiB that gearmand has for them. */
export class ArgumentsTooLong extends Fault {
  constructor(packet: string) {
    super(ARGUMENTS_TOO_LONG, `${packet} has more than ${MAX_ARGUMENTS_SIZE} bytes of arguments`);
  }
}

/** What is said of a fault before the connection is closed; undefined for a peer that speaks another protocol, or text. */
export function refusalOf(error: unknown, maxPacketSize: number): Refusal | undefined {
  if (!(error instanceof Fault)) return undefined;
  switch (error.kind) {
    case TOO_LARGE:
      return refusal("ARGUMENT_TOO_LARGE", `A packet's body may have ${maxPacketSize} bytes at most`);
    case ARGUMENTS_TOO_LONG:
      return refusal("ARGUMENT_TOO_LARGE", `A packet's arguments may have ${MAX_ARGUMENTS_SIZE} bytes at most`);
    case MISSING_ARGUMENT:
      return refusal("INVALID_PACKET", "An argument, or the NUL that ends it, is missing");
    default:
      return undefined;
  }
}
