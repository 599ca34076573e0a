# For doxygen: the headings of splitio.h are sections of its page.
/^\/\* ---- / {
    heading = $0
    gsub(/^\/\* ---- | -+ \*\/$/, "", heading)
    $0 = (inside++ ? "/** @} */ " : "") "/** @name " heading "\n@{ */"
}
/^} \/\* extern "C" \*\// { print "/** @} */" }
{ print }
