declare namespace Cloudflare {
  interface GlobalProps {
    /** Makes `exports.default` of "cloudflare:workers" this Worker's own. */
    mainModule: typeof import("../../worker/index.ts");
  }
}
