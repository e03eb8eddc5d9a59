// The contents stand open at the side of a wide window, and closed above the page in a narrow one.
{
  const contents = document.querySelector("details.contents");
  const wide = matchMedia("(min-width: 62rem)");
  const follow = () => { contents.open = wide.matches; };
  wide.addEventListener("change", follow);
  follow();
}
