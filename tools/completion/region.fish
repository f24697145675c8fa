# Completion of region in fish: what it is to do, then that tool's own.

function __region_completions
    set -l given (commandline -opc)
    set -l word (commandline -ct)
    if not set -q given[2]
        printf '%s\n' @COMMANDS@ help
    else if test $given[2] = help
        set -q given[3]; or printf '%s\n' @COMMANDS@
    else
        complete -C (string join ' ' -- (string escape -- region-$given[2] $given[3..-1]))" $word"
    end
end

complete -c region -f -a '(__region_completions)'
