# bash completion for varlen, written by tools/write_interface from what varlen --help says
_varlen()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} options="" values="" before=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "info explain run check bench --help --version" -- "$current")
        return
    fi
    if [ "$current" = "=" ]; then # of --mask=causal, which bash takes for three words
        current=""
    elif [ "$previous" = "=" ]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case ${COMP_WORDS[1]} in
        info) options="--help" ;;
        explain) options="--workload --lens --q-lens --cu-seqlens-q --cu-seqlens-k --q-heads --kv-heads --head-dim --value-dim --page-size --mask --window --chunk --alignment --softcap --dropout --features --dtype --pass --backend --threads --floor --peak --bandwidth --help" ;;
        run) options="--q --k --v --cu-seqlens-q --cu-seqlens-k --seqused-q --seqused-k --leftpad-q --leftpad-k --page-table --query-positions --key-starts --mask --window --chunk --key-begin --key-end --tree-mask --alignment --scale --softcap --alibi --sinks --dtype --backend --out --lse --dout --dq --dk --dv --expect --help" ;;
        check) options="--backend --filter --scale --list --skipped --kernels --help" ;;
        bench) options="--workload --list --lens --q-heads --kv-heads --head-dim --value-dim --mask --page-size --dtype --pass --backend --threads --repeats --no-peaks --peak --bandwidth --json --compare --report --plot --help" ;;
        *) return ;;
    esac
    case ${COMP_WORDS[1]}/$previous in
        explain/--workload) values=$(varlen bench --list 2>/dev/null | sed -n '2,$s/^  \([^ ]*\).*/\1/p') ;;
        explain/--lens) return ;;
        explain/--q-lens) return ;;
        explain/--cu-seqlens-q) values=FILE ;;
        explain/--cu-seqlens-k) values=FILE ;;
        explain/--q-heads) return ;;
        explain/--kv-heads) return ;;
        explain/--head-dim) return ;;
        explain/--value-dim) return ;;
        explain/--page-size) return ;;
        explain/--mask) values="full causal window" ;;
        explain/--window) return ;;
        explain/--chunk) return ;;
        explain/--alignment) values="bottom-right top-left" ;;
        explain/--softcap) return ;;
        explain/--dropout) return ;;
        explain/--features) values="lse alibi sinks seqused-q seqused-k leftpad-q leftpad-k expanded dropout-state dsinks dlse key-ranges query-positions key-starts tree-mask deterministic batch-invariant" ;;
        explain/--dtype) values="f32 f16 bf16" ;;
        explain/--pass) values="forward backward both" ;;
        explain/--backend) values="auto cpu cuda hip" ;;
        explain/--threads) return ;;
        explain/--peak) return ;;
        explain/--bandwidth) return ;;
        run/--q) values=FILE ;;
        run/--k) values=FILE ;;
        run/--v) values=FILE ;;
        run/--cu-seqlens-q) values=FILE ;;
        run/--cu-seqlens-k) values=FILE ;;
        run/--seqused-q) values=FILE ;;
        run/--seqused-k) values=FILE ;;
        run/--leftpad-q) values=FILE ;;
        run/--leftpad-k) values=FILE ;;
        run/--page-table) values=FILE ;;
        run/--query-positions) values=FILE ;;
        run/--key-starts) values=FILE ;;
        run/--mask) values="full causal window" ;;
        run/--window) return ;;
        run/--chunk) return ;;
        run/--key-begin) values=FILE ;;
        run/--key-end) values=FILE ;;
        run/--tree-mask) values=FILE ;;
        run/--alignment) values="bottom-right top-left" ;;
        run/--scale) return ;;
        run/--softcap) return ;;
        run/--alibi) values=FILE ;;
        run/--sinks) values=FILE ;;
        run/--dtype) values="f32 f16 bf16" ;;
        run/--backend) values="auto cpu cuda hip" ;;
        run/--out) values=FILE ;;
        run/--lse) values=FILE ;;
        run/--dout) values=FILE ;;
        run/--dq) values=FILE ;;
        run/--dk) values=FILE ;;
        run/--dv) values=FILE ;;
        run/--expect) values=FILE ;;
        check/--backend) values="auto cpu cuda hip" ;;
        check/--filter) values=$(varlen check --list 2>/dev/null) ;;
        check/--scale) values="small full" ;;
        bench/--workload) values=$(varlen bench --list 2>/dev/null | sed -n '2,$s/^  \([^ ]*\).*/\1/p') ;;
        bench/--lens) return ;;
        bench/--q-heads) return ;;
        bench/--kv-heads) return ;;
        bench/--head-dim) return ;;
        bench/--value-dim) return ;;
        bench/--mask) values="full causal" ;;
        bench/--page-size) return ;;
        bench/--dtype) values="f32 f16 bf16" ;;
        bench/--pass) values="forward backward both" ;;
        bench/--backend) values="auto cpu cuda hip" ;;
        bench/--threads) return ;;
        bench/--repeats) return ;;
        bench/--peak) return ;;
        bench/--bandwidth) return ;;
        bench/--json) values=FILE ;;
        bench/--compare) values=FILE ;;
        bench/--report) values=FILE ;;
        bench/--plot) values=FILE ;;
    esac
    if [ "$values" = FILE ]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [ -n "$values" ]; then
        [[ $current != *,* ]] || before=${current%,*},
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "$values" -- "${current##*,}")
    else
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    fi
}
complete -F _varlen varlen
