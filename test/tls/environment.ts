import { JobServer } from "edgear/server";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { babbling, silent, startFaultyServer } from "../support/faults.ts";
import { startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { slowLine } from "../support/slow-line.ts";
import { startTerminator } from "../support/tls.ts";

/** What Go's TLS, among others, answers to what is no handshake: a record with an alert, and that's all. */
const ALERT = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70);

/** What the cases of TLS are run against. It is data, for programs of other runtimes to be given. */
export interface TlsEnvironment {
  readonly certificates: Certificates;
  /** Ports of this machine. */
  readonly ports: Readonly<Record<PortName, number>>;
}

/** A TLS port is called after the certificate that it shows. All lead to gearmand unless it is said otherwise. */
export type PortName =
  | "server"
  | "foreign"
  | "selfSigned"
  | "expired"
  | "otherName"
  /** Leads to JobServer. */
  | "jobServer"
  /** Leads nowhere. */
  | "away"
  /** Leads to JobServer, at 8 MB a second. */
  | "slow"
  /** Asks for a client's certificate; the second one speaks only TLS 1.2. */
  | "mutual"
  | "mutual12"
  /** Speaks only TLS 1.1, which no runtime does. */
  | "old"
  /** Wants the protocol "gearman". */
  | "alpn"
  // Ports without TLS:
  | "plainGearmand"
  | "plainJobServer"
  | "silent"
  | "babbling"
  | "closing"
  | "alert";

/** Everything that the cases need, until it is disposed of. */
export async function startEnvironment(): Promise<TlsEnvironment & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const certificates = await makeCertificates();
  const { ca, server, foreign, selfSigned, expired, otherName } = certificates;
  const gearmand = stack.use(await startGearmand());
  const jobServer = stack.use(await JobServer.listen({ port: 0 }));
  const terminator = async (to: number, options: Parameters<typeof startTerminator>[1]) =>
    stack.use(await startTerminator(to, options)).port;
  const faulty = async (accept: Parameters<typeof startFaultyServer>[0]) =>
    portOf(stack.use(await startFaultyServer(accept)).address);
  const mutual = { ...server, ca, requestCert: true };
  const toJobServer = await terminator(jobServer.port, server);
  const ports: Record<PortName, number> = {
    server: await terminator(gearmand.port, server),
    foreign: await terminator(gearmand.port, foreign),
    selfSigned: await terminator(gearmand.port, selfSigned),
    expired: await terminator(gearmand.port, expired),
    otherName: await terminator(gearmand.port, otherName),
    jobServer: toJobServer,
    away: await terminator(await freePort(), server),
    slow: portOf(stack.use(await slowLine(toJobServer, 8_000)).address),
    mutual: await terminator(gearmand.port, mutual),
    mutual12: await terminator(gearmand.port, { ...mutual, maxVersion: "TLSv1.2" }),
    old: await terminator(gearmand.port, { ...server, minVersion: "TLSv1", maxVersion: "TLSv1.1" }),
    alpn: await terminator(gearmand.port, { ...server, ALPNProtocols: ["gearman"] }),
    plainGearmand: gearmand.port,
    plainJobServer: jobServer.port,
    silent: await faulty(silent),
    babbling: await faulty(babbling),
    closing: await faulty((socket) => socket.end()),
    alert: await faulty((socket) => socket.once("data", () => socket.end(ALERT))),
  };
  const all = stack.move();
  return { certificates, ports, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function portOf(address: string): number {
  return Number(address.split(":")[1]);
}
