export const CLIENT_CERTIFICATE = "the client's certificate (tls.cert and tls.key)";

/** What it may mean that a server took a connection, and closed it before it had sent anything. */
export const SPEECHLESS = {
  plain:
    "it closed the connection before it had sent anything: it may speak TLS (use gearmans:// or tls), or be no job server",
  tls:
    `it closed the connection before it had sent anything: it may ask for ${CLIENT_CERTIFICATE} or not accept it, ` +
    "or the job server behind it is away",
};
