"""The scripts by which shells ask what may stand at the end of a command line."""

__all__ = ["SCRIPTS"]

SCRIPTS = {
    "bash": """\
# hanscope completion bash > ~/.local/share/bash-completion/completions/hanscope
_hanscope() {
    local word value text cur="${COMP_WORDS[COMP_CWORD]}"
    local line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=()
    while IFS=$'\\t' read -r word value text; do
        # bash takes what stands behind : and = for a word of its own
        [ "$cur" = "$word" ] || value="${value#"${word%"$cur"}"}"
        [[ "$cur" == [:=] ]] && value="${value#"$cur"}"
        COMPREPLY+=("$value")
    done < <(hanscope completion --line "$line" 2>/dev/null)
    if [ ${#COMPREPLY[@]} -gt 0 ]; then compopt -o filenames; fi
}
complete -o default -F _hanscope hanscope
""",
    "zsh": """\
#compdef hanscope
# hanscope completion zsh > a folder of $fpath, as _hanscope
_hanscope() {
    local word value text
    local -a values shown
    while IFS=$'\\t' read -r word value text; do
        values+=("$value")
        shown+=("$value${text:+  -- $text}")
    done < <(hanscope completion --line "${BUFFER[1,CURSOR]}" 2>/dev/null)
    if (( $#values )); then compadd -l -d shown -a values; else _files; fi
}
compdef _hanscope hanscope
""",
    "fish": """\
# hanscope completion fish > ~/.config/fish/completions/hanscope.fish
function __hanscope_offered
    set -l found (hanscope completion --line (commandline -cp) 2>/dev/null | string split -m 1 -f 2 \\t)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c hanscope -f -a '(__hanscope_offered)'
""",
}
"""The script of each shell. It gets lines of the word that is typed, a word that may stand for it, and what that is."""
