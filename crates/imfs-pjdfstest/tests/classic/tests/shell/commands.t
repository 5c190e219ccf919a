#!/bin/sh
desc="the shell and the host's commands on files that are only in the IMFS"

dir=`dirname $0`
. ${dir}/../misc.sh

check "${fs}" = TMPFS
check "`id -u`" = 0
cdir=`pwd`

# cd, pwd
expect 0 mkdir d 0755
cd d
check "$?" -eq 0
check "`pwd`" = "${cdir}/d"
expect 0 create here 0644
expect 0 stat ${cdir}/d/here size
cd ..
check "`pwd`" = "${cdir}"
expect regular stat d/here type
cd none 2>/dev/null
check "$?" -eq 1
cd d/here 2>/dev/null
check "$?" -eq 1
cd ${cdir}/d
check "`pwd`" = "${cdir}/d"
cd ${cdir}
expect 0 symlink d s
cd s
expect regular stat here type
cd ${cdir}
here=`cd /; pwd`
check "${here}" = /
expect 0 unlink s

# A directory that is removed under the shell.
expect 0 mkdir gone 0755
cd gone
expect 0 rmdir ${cdir}/gone
expect ENOENT create x 0644
cd ${cdir}

# Redirections
echo test > file
expect 5 stat file size
expect regular,0644 lstat file type,mode
echo longer test > file
expect 12 stat file size
check "`cat file`" = "longer test"

# dd
dd if=/dev/zero of=zeros bs=12345 count=2 >/dev/null 2>&1
expect 24690 stat zeros size
dd if=zeros of=copy bs=1k count=3 skip=1 2>/dev/null
expect 3072 stat copy size
echo x | dd of=copy bs=1 seek=10 conv=notrunc 2>/dev/null
expect 3072 stat copy size
check `dd if=/dev/zero bs=64 count=1 2>/dev/null | wc -c` -eq 64
check `dd if=copy bs=1k count=1 2>/dev/null | wc -c` -eq 1024

# touch, mkdir, rmdir, ln, mkfifo, mv, chmod, chown, truncate, rm
touch t
expect regular,0 stat t type,size
expect 0 open . O_RDONLY : utimensat 0 t 5 0 5 0 0
touch t
expect '[0-9]{9,}' stat t mtime
mkdir -p deep/er/est
expect dir stat deep/er/est type
mkdir -m 700 private
expect 0700 stat private mode
mkdir private 2>/dev/null
check "$?" -eq 1
rmdir private
expect ENOENT stat private type
ln -s t link
expect symlink lstat link type
ln t hard
expect 2 stat t nlink
ln -sf none link
expect ENOENT stat link type
mkfifo fifo
expect fifo lstat fifo type
mv t deep
expect regular lstat deep/t type
chmod 640 deep/t
chown 7:8 deep/t
expect 0640,7,8 lstat deep/t mode,uid,gid
truncate -s 1k deep/t
expect 1024 lstat deep/t size
rm hard link
expect ENOENT lstat hard type
rm -rf deep
check "$?" -eq 0
expect ENOENT stat deep type
rm none 2>/dev/null
check "$?" -eq 1
rm -f none
check "$?" -eq 0

# The host's own files are the host's.
check -n "`cat /proc/version`"
check "`rm /proc/version 2>/dev/null; echo $?`" -ne 0

# Paths up to the limit.
name=`printf '%0200d' 0`
long=${name}/${name}/${name}/${name}/${name}/${name}/${name}/${name}/${name}/${name}/${name}/${name}
mkdir -p ${long}
expect 0 create ${long}/file 0644
expect regular stat ${long}/file type
rm -rf ${name}
expect ENOENT stat ${name} type
finish
