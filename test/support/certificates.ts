import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { command } from "./command.ts";

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What the tests' servers and clients show each other. All are made for a day, by authorities that nobody else trusts. */
export interface Certificates {
  /** The authority that has signed all but `foreign` and `selfSigned`. */
  readonly ca: string;
  /** For `localhost` and `127.0.0.1`. */
  readonly server: Identity;
  /** For the same, by another authority. */
  readonly foreign: Identity;
  /** For the same, by itself. */
  readonly selfSigned: Identity;
  /** For the same, until 2020. */
  readonly expired: Identity;
  /** For `jobs.example`. */
  readonly otherName: Identity;
  /** A client's. */
  readonly client: Identity;
  /** The client's key again, encrypted with `PASSPHRASE`. */
  readonly encryptedKey: string;
}

/** What `Certificates.encryptedKey` is encrypted with. */
export const PASSPHRASE = "a secret of the tests";

const HERE = "DNS:localhost,IP:127.0.0.1";

/** `openssl ca` is the one command of all versions that takes dates of the past. */
const EXPIRED = `
[ca]
default_ca = expired
[expired]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = anything
x509_extensions = extensions
default_startdate = 20200101000000Z
default_enddate = 20200102000000Z
[anything]
commonName = supplied
[extensions]
subjectAltName = ${HERE}
`;

/** Makes them all, in some 100 ms. Their files are gone when it returns. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-certificates-"));
  const openssl = async (...args: string[]) => {
    const { code, stderr } = await command("openssl", args, { cwd: folder });
    if (code !== 0) throw new Error(`openssl ${args.join(" ")} failed: ${stderr}`);
  };
  const request = (name: string, ...args: string[]) =>
    openssl(
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.pem`, ...args],
    );
  const sign = (name: string, names: string, authority?: string) =>
    request(
      name,
      ...["-x509", "-days", "1", "-addext", `subjectAltName=${names}`, "-addext", "basicConstraints=CA:FALSE"],
      ...(authority ? ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`] : []),
    );
  const read = (file: string) => readFile(path.join(folder, file), "utf8");
  const identity = async (name: string): Promise<Identity> => ({
    cert: await read(`${name}.pem`),
    key: await read(`${name}.key`),
  });
  try {
    await writeFile(path.join(folder, "expired.cnf"), EXPIRED);
    await writeFile(path.join(folder, "index.txt"), "");
    const authority = ["-x509", "-days", "1", "-addext", "basicConstraints=critical,CA:TRUE"];
    await Promise.all([request("ca", ...authority), request("other-ca", ...authority)]);
    await Promise.all([
      sign("server", HERE, "ca"),
      sign("foreign", HERE, "other-ca"),
      sign("self-signed", HERE),
      sign("other-name", "DNS:jobs.example", "ca"),
      sign("client", "DNS:client.example", "ca"),
      request("expired", "-out", "expired.csr"),
    ]);
    await openssl(
      ...["ca", "-batch", "-notext", "-config", "expired.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"],
      ...["-in", "expired.csr", "-out", "expired.pem"],
    );
    await openssl(
      ...["pkcs8", "-topk8", "-in", "client.key", "-out", "encrypted.key", "-passout", `pass:${PASSPHRASE}`],
    );
    return {
      ca: await read("ca.pem"),
      server: await identity("server"),
      foreign: await identity("foreign"),
      selfSigned: await identity("self-signed"),
      expired: await identity("expired"),
      otherName: await identity("other-name"),
      client: await identity("client"),
      encryptedKey: await read("encrypted.key"),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
