/** A token that may do everything, and one that may submit jobs of two functions. */
export const TOKEN = "a-token-for-everything";
export const NARROW = "a-token-for-two-functions";

/** The secret GEARMAN_TOKENS that knows them. */
export const TOKENS = JSON.stringify([
  { name: "tests", hash: "ec3468ed70b43a959685183e3c68655f2fab046c6b94d4b0d24774b7ef3766fa" },
  {
    name: "narrow",
    hash: "d7f2d1d0c2adae3d8fbb0442d9e3760981b3ebf3230653749aaeab5dd4cf833f",
    functions: ["nobody", "reverse"],
  },
]);
