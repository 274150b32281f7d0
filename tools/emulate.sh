#!/bin/bash
# emulate: runs programs of the build on a CPU that this machine lacks, in Bochs, under a small Linux of its own.
# usage: emulate.sh [--cpu MODEL] COMMAND...
#   COMMAND: one argument each, a line for the guest's shell, run from this folder. Words of it that name files or folders
#     (also after NAME=) are there under the same path, programs with their shared libraries; everything else is not.
#   --cpu MODEL: one of `$BOCHS --help cpu`: corei7_skylake_x (AVX-512), corei7_icelake_u or tigerlake (and VNNI; the default),
#     sapphire_rapids (and BF16; Bochs 2.8 and later)
# BOCHS: the emulator. Debian's is made without AVX; its source (apt-get source bochs; 3.0 works) becomes one that has it by
#   ./configure --with-nogui --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-fpu \
#     --enable-pci --enable-all-optimizations --enable-logging=no --disable-docbook && make
# EMULATE_SECONDS: the most one call may take (default 7200).
# Prints every command with its exit status, the emulated instructions in millions and its last lines, 60 when it failed.
# Exit: 0 all ran and gave 0, 1 one failed or did not come to its end, 2 something is missing here. Needs no root.
set -euo pipefail
cpu=tigerlake
if [ "${1-}" = --cpu ]; then
    cpu=$2
    shift 2
fi
[ $# -gt 0 ] || { sed -n '2,/^set/s/^# //p' "$0"; exit 2; }
[ -x "${BOCHS-}" ] || { echo "emulate: BOCHS does not name an emulator; the head of $0 says how to make one" >&2; exit 2; }
packages=()
need() { # need PACKAGE FILE
    [ -e "$2" ] || packages+=("$1")
}
need bochsbios /usr/share/bochs/BIOS-bochs-latest
need vgabios /usr/share/vgabios/vgabios.bin
need busybox-static /bin/busybox
need isolinux /usr/lib/ISOLINUX/isolinux.bin
need syslinux-common /usr/lib/syslinux/modules/bios/ldlinux.c32
need xorriso /usr/bin/xorriso
if [ ${#packages[@]} -gt 0 ]; then
    echo "emulate: missing packages: ${packages[*]}" >&2
    exit 2
fi

cache=${BUILD:-build}/emulate
mkdir -p "$cache"
if [ ! -e "$cache/vmlinuz" ]; then # the kernel: downloaded, not installed
    image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: *//p' | head -1)
    (cd "$cache" && apt-get -q download "$image" >/dev/null) || { echo "emulate: no kernel $image" >&2; exit 2; }
    dpkg-deb --fsys-tarfile "$cache/$image"_*.deb | tar -xOf - --wildcards './boot/vmlinuz-*' >"$cache/vmlinuz.part"
    mv "$cache/vmlinuz.part" "$cache/vmlinuz"
    rm -f "$cache/$image"_*.deb
fi

work=$(mktemp -d)
machine=
trap '[ -z "$machine" ] || kill "$machine" 2>/dev/null || true; rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/iso" "$root"/{bin,dev,proc,tmp} "$root$PWD"
cp /bin/busybox "$root/bin/"

copy() { # copy FILE-OR-FOLDER, to the same path in the guest
    local from=$1 to=$1 file
    case $from in /*) ;; *) to=$PWD/$from ;; esac
    [ ! -e "$root$to" ] || return 0
    mkdir -p "$root$(dirname "$to")"
    cp -rL "$from" "$root$to"
    if [ -f "$from" ] && head -c 4 "$from" | grep -q ELF; then
        strip "$root$to" 2>/dev/null || true
        # Libraries: those linked, and those that it names to open them later.
        for file in $(ldd "$from" 2>/dev/null | grep -o '/[^ ]*'); do copy "$file"; done
        for file in $(strings "$from" | grep -xE 'lib[a-z0-9]+\.so[.0-9]*'); do
            file=$(/sbin/ldconfig -p | awk -v name="$file" '$1 == name && !seen++ { print $NF }')
            [ -z "$file" ] || copy "$file"
        done
    fi
}
named=()
for command in "$@"; do
    for word in $command; do
        word=${word#*=}
        case $(realpath -m -- "$word") in / | /dev* | /proc* | /sys* | "$PWD") continue ;; esac
        [ ! -e "$word" ] || named+=("$word")
    done
done
if [ ${#named[@]} -gt 0 ] && [ "$(du -scmL "${named[@]}" | tail -1 | cut -f1)" -gt 800 ]; then
    echo "emulate: the files named come to more than 800 MiB" >&2
    exit 2
fi
for word in ${named[@]+"${named[@]}"}; do copy "$word"; done

# A copy of overlapping bytes by `rep movsb` goes wrong in Bochs: the kernel is told not to, and so is the C library.
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t devtmpfs none /dev
export PATH=/bin HOME=/tmp HONE_SOURCE=$(cat /folder) GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1000000000
stty -onlcr
echo "@ $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2): $(grep -m1 flags /proc/cpuinfo | grep -o 'avx[^ ]*' | tr '\n' ' ')"
cd "$(cat /folder)"
i=0
while read -r line; do
    i=$((i + 1))
    echo "@ $i: $line"
    from=$(cut -d. -f1 /proc/uptime)
    sh -c "$line" >/tmp/out 2>&1 </dev/null
    status=$?
    tail -n $([ $status = 0 ] && echo 3 || echo 60) /tmp/out
    echo "@ $i: status $status, $((($(cut -d. -f1 /proc/uptime) - from) * 20)) M instructions"
done </commands
echo "@ end"
reboot -f
END
chmod +x "$root/init"
printf '%s\n' "$PWD" >"$root/folder"
printf '%s\n' "$@" >"$root/commands"
(cd "$root" && find . | /bin/busybox cpio -o -H newc 2>/dev/null) >"$work/iso/initrd"
cp "$cache/vmlinuz" /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/iso/"
# The clock is the count of instructions, whatever rate the CPU model claims. Without ACPI a reset ends the emulator.
cat >"$work/iso/isolinux.cfg" <<'END'
default l
label l
  kernel vmlinuz
  append initrd=initrd console=ttyS0,115200 loglevel=1 panic=-1 reboot=t acpi=off lsm= mitigations=off tsc_early_khz=20000 clearcpuid=fsrm,amx_tile
END
xorriso -as mkisofs -quiet -o "$work/cd" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$work/iso" >/dev/null 2>&1

cat >"$work/rc" <<END
display_library: nogui
cpu: model=$cpu, ips=20000000, reset_on_triple_fault=0
memory: guest=2048, host=2048
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=cdrom, path=$work/cd, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
END
: >"$work/serial"
timeout "${EMULATE_SECONDS:-7200}" "$BOCHS" -q -f "$work/rc" >"$work/screen" 2>&1 </dev/null &
machine=$!
tail -n +1 -f --pid=$machine "$work/serial" | sed -u 's/\r$//'
wait $machine || true
machine=

started=$(grep -ac '^@ [0-9]*: status' "$work/serial" || true)
passed=$(grep -ac '^@ [0-9]*: status 0,' "$work/serial" || true)
echo "emulate: $cpu: $passed passed, $((started - passed)) failed, $(($# - started)) not finished"
[ "$started" -gt 0 ] || tail -n 8 "$work/screen" "$work/log" >&2
grep -aq "^@ .*avx512" "$work/serial" || { echo "emulate: $BOCHS gives this CPU no AVX-512" >&2; exit 2; }
[ "$passed" = $# ]
