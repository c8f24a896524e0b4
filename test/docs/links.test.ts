import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";

const docs = readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md"));
const pages = [
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".github/SECURITY.md"],
  ...docs.map((name) => `docs/${name}`),
];

/** A page without its blocks of code, in which nothing is a link or a heading. */
function textOf(page: string): string {
  return readFileSync(path.join(root, page), "utf8").replace(/^```.*?^```$/gms, "");
}

/** What a page's headings can be linked by. */
function anchorsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What a page links to within the repository, from its root. */
function linksOf(page: string): { link: string; file: string; anchor: string | undefined }[] {
  return [...textOf(page).matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, link = ""]) => {
    const [name = "", anchor] = link.split("#");
    return { link, file: name === "" ? page : path.join(path.dirname(page), name), anchor };
  });
}

test("links between pages lead somewhere", () => {
  const links = pages.flatMap((page) => linksOf(page).map((each) => ({ page, ...each })));
  expect(links.length).toBeGreaterThan(pages.length);
  const dead = links.filter(
    ({ file, anchor }) =>
      !existsSync(path.join(root, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor)),
  );
  expect(dead.map(({ page, link }) => `${page}: ${link}`)).toEqual([]);
});

test("docs/README.md lists every page once", () => {
  const listed = linksOf("docs/README.md").map(({ link }) => link);
  expect(listed.filter((link) => !link.startsWith("../")).sort()).toEqual(
    docs.filter((name) => name !== "README.md").sort(),
  );
});
