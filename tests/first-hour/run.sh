# Runs the session on descriptor 4 in this shell, and prints it as its user sees it. Not a program: see scripts/first-hour.
#
# A session is paragraphs. One that begins with "#" is a remark; others are commands. "! " before them: they have to fail.
# Long output is shortened, and long times are told.
said=$(mktemp)

shortened() {
    awk '{ line[NR] = $0 }
        END {
            for (i = 1; i <= NR; i++)
                if (NR <= 120 || i <= 4 || i > NR - 12) print line[i]
                else if (i == 5) printf "[%d lines]\n", NR - 16
        }' "$said"
}

perform() {
    local fails=false started=$SECONDS status=0
    case $paragraph in
    '') return ;;
    '#'*)
        printf '%s\n\n' "$paragraph"
        return
        ;;
    '! '*)
        fails=true
        paragraph=${paragraph#! }
        ;;
    esac
    printf '$ %s\n' "${paragraph//$'\n'/$'\n'> }"
    eval "$paragraph" >"$said" 2>&1 </dev/null 3<&- 4<&- || status=$?
    shortened
    [ $status = 0 ] || echo "[status $status]"
    [ $((SECONDS - started)) -lt 10 ] || echo "[$((SECONDS - started)) s]"
    echo
    if { [ $status = 0 ] && $fails; } || { [ $status != 0 ] && ! $fails; }; then
        echo "[not as the session says]"
        exit 1
    fi
}

paragraph=
while IFS= read -r line <&4; do
    # A file in it may have empty lines.
    if [ -n "$line" ] || [[ $paragraph == *"<<'LINES'"* && $paragraph != *$'\nLINES'* ]]; then
        paragraph+=${paragraph:+$'\n'}$line
    else
        perform
        paragraph=
    fi
done
perform
