/*
 * What type tests ask.
 */

/** Whether two types are one. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

/** `is<Expected>()(value)` compiles when the value has that type, and no other. */
export declare function is<Expected>(): <Actual>(
  value: Actual,
  ...other: Same<Actual, Expected> extends true ? [] : [never]
) => void;

type Optional<Options> = {
  [Name in keyof Options as object extends Pick<Options, Name> ? Name : never]-?: undefined;
};

/** Whether all optional properties may be `undefined`, explicitly. */
export type Unset<Options> =
  Optional<Options> extends Pick<Options, keyof Optional<Options> & keyof Options> ? true : false;
