/** A handler or the hooks of a pool's group can't be loaded, or their process dies of it. Nothing was taken from a server. */
export class PoolLoadError extends Error {
  override readonly name = "PoolLoadError";
}
