#!/bin/sh
desc="options, several calls in a line, and command lines that are wrong"

dir=`dirname $0`
. ${dir}/../misc.sh

expect 0 -U 077 create a 0666
expect 0600 stat a mode
expect 0 create b 0666
expect 0666 stat b mode
expect EACCES -u 65534 -g 65534 create c 0644
expect 0 chmod . 0777
expect 0 -u 65534 -g 65533,65532 create c 0644
expect 65534,65533 stat c uid,gid
expect 0 -u65534 -g65533 -U027 mkdir d 0777
expect 65534,65533,0750 stat d uid,gid,mode
expect EACCES -u 65534 open a O_RDONLY
expect 0 chown a 0 65532
expect 0 chmod a 0640
expect 0 -u 65534 -g 65533,65532 open a O_RDONLY
expect EPERM -u 65534 chmod a 0644
expect 0 -u 65534 -- open c O_RDWR,O_CREAT 0644
expect EFAULT unlink NULL
expect EFAULT stat DEADCODE mode
expect EFAULT rename a NULL
expect EBADF fstat BADFD mode
expect EBADF mkdirat BADFD x 0755
expect EBADF fchmod AT_FDCWD 0755
expect ENOTDIR open a O_RDONLY : openat 0 x O_RDONLY
expect 0 mkdir e 0755
expect 3 open e O_RDONLY : openat 0 x O_CREAT,O_RDWR 0644 : write 1 abc : fstat 1 size
expect 0 open e O_RDONLY : unlinkat 0 x 0
expect EEXIST open a O_CREAT,O_EXCL 0644
expect ELOOP symlink a l : open l O_RDONLY,O_NOFOLLOW
expect ENXIO mkfifo f 0644 : open f O_WRONLY,O_NONBLOCK
expect 0 open f O_RDONLY,O_NONBLOCK : open f O_WRONLY,O_NONBLOCK
expect ENOTDIR open a O_RDONLY,O_DIRECTORY
expect 'EISDIR' open e O_WRONLY|O_TRUNC

# The first that fails is the last.
check "`${fstest} unlink none : create never 0644`" = ENOENT
expect ENOENT stat never mode
check "`${fstest} create x 0644 : unlink x | tr '\n' ,`" = 0,0,

# Command lines that are wrong print nothing, and fail.
for line in "" "nonsense a" "unlink" "unlink a b" "open a O_CREAT" "open a O_RDONLY 0644" "open a O_WRONG" \
    "chmod a x" "fstat 0 mode" "-u x unlink a" "-x unlink a" "mknod x y 0 0 0" "pathconf . _PC_WRONG"; do
	said=`${fstest} ${line} 2>/dev/null`
	check "$?:${said}" = 1:
done
check -n "`${fstest} nonsense 2>&1`"
finish
