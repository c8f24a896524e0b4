import {
  ARGUMENTS_TOO_LONG,
  BAD_HANDLE,
  BAD_MAGIC,
  BAD_TYPE,
  MISSING_ARGUMENT,
  TOO_LARGE,
  UNEXPECTED_BODY,
  WINDOW_SIZE,
} from "../../assembly/layout.js";
import { LAST_PACKET_TYPE, MAX_HANDLE_SIZE, PacketType } from "../../assembly/protocol.js";
import { ProtocolError } from "../errors.js";

/** The magics "\0REQ" and "\0RES", as `detail` has them. */
const REQUEST = 0x00524551;
const RESPONSE = 0x00524553;

/** How TLS says that it doesn't understand: a record of type 21, version 3. */
const TLS_ALERT = 0x1503;

/** What a peer sent breaks the protocol. */
export class Fault extends ProtocolError {
  /** Which of the faults of assembly/layout.ts it is. */
  readonly kind: number;

  constructor(kind: number, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What is wrong with what a peer sent. `detail` is the number that the codec kept to show it. */
export function faultError(fault: number, detail: number, peer: string): Fault {
  return new Fault(fault, inWords(fault, detail, peer));
}

function inWords(fault: number, detail: number, peer: string): string {
  const word = PacketType[detail] ?? "";
  const name = `${/^[AEIOU]/.test(word) ? "an" : "a"} ${word} packet`;
  switch (fault) {
    case BAD_MAGIC:
      if (detail === REQUEST) return `${peer} sent a request, but only a server's responses can come`;
      if (detail === RESPONSE) return `${peer} sent a response, but only requests can come`;
      if (detail >>> 16 === TLS_ALERT)
        return `${peer} sent a TLS alert: it speaks TLS, and expects it (use gearmans:// or tls)`;
      return `${peer} sent ${quote(detail)} where a packet begins: it doesn't speak Gearman's binary protocol`;
    case BAD_TYPE:
      return `${peer} sent a packet of type ${detail}; there are only 1 to ${LAST_PACKET_TYPE}`;
    case TOO_LARGE:
      return `${peer} sent a packet of ${detail} bytes, more than is accepted (maxPacketSize)`;
    case MISSING_ARGUMENT:
      return `${peer} sent ${name} in which an argument or its closing NUL is missing`;
    case ARGUMENTS_TOO_LONG:
      return `${peer} sent ${name} whose arguments don't end within ${WINDOW_SIZE} bytes`;
    case UNEXPECTED_BODY:
      return `${peer} sent ${name} with a body, which it can't have`;
    case BAD_HANDLE:
      return `${peer} sent ${name} whose job handle isn't one of 1 to ${MAX_HANDLE_SIZE} bytes without a NUL`;
    default:
      return `${peer} sent a line of text of more than ${detail} bytes`;
  }
}

/** The first four bytes of what should have been a packet, readable; the ones that had come, the rest being 0. */
function quote(word: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff);
  while (bytes.length > 1 && bytes.at(-1) === 0) bytes.pop();
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return JSON.stringify(String.fromCharCode(...bytes));
  return bytes.map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" ");
}
