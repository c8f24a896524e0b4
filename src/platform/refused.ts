/*
 * Why the runtimes of node:net could not connect, in words. It is no part of workerd's, which says nothing of the kind.
 */
import { tlsReason } from "./tls.js";

const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there: start gearmand on it, or check the address",
  ENOTFOUND: "there is no host of that name: check the address",
  EAI_AGAIN: "its name could not be resolved: is the network up?",
  EHOSTUNREACH: "the host can't be reached from here",
  ENETUNREACH: "its network can't be reached from here",
  ECONNRESET:
    "it closed the connection while it was being made: a plain port spoken to in TLS does that (use gearman://, or leave " +
    "tls out), and a TLS port that doesn't accept the client's certificate or gets none (tls.cert and tls.key)",
  ETIMEDOUT: "it did not answer: is a firewall in between?",
  EACCES: "the runtime doesn't permit it",
};

/** Why a connection could not be made, when the error's code tells it. The sentence is about the server. */
export function refusalReason(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: string };
  return tlsReason(error) ?? REASONS[code ?? ""];
}
