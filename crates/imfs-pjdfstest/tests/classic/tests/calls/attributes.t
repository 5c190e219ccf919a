#!/bin/sh
desc="calls that change attributes, and what stat tells"

dir=`dirname $0`
. ${dir}/../misc.sh

expect 0 create a 0644
expect 0 chmod a 0600
expect 0600 stat a mode
expect 0 open a O_RDONLY : fchmod 0 04755
expect 04755 stat a mode
expect 0 fchmodat AT_FDCWD a 0640 0
expect 0 lchmod a 0641
expect 0641 stat a mode
expect 0 symlink a l
expect EOPNOTSUPP lchmod l 0600
expect EOPNOTSUPP fchmodat AT_FDCWD l 0600 AT_SYMLINK_NOFOLLOW
expect 0 chown a 10 20
expect 10,20 stat a uid,gid
expect 0 -- chown a -1 21
expect 10,21 stat a uid,gid
expect 0 open a O_RDONLY : fchown 0 30 40
expect 30,40 stat a uid,gid
expect 0 lchown l 50 60
expect 50,60 lstat l uid,gid
expect 0 fchownat AT_FDCWD l 51 61 AT_SYMLINK_NOFOLLOW
expect 51,61 lstat l uid,gid
expect 0 fchownat AT_FDCWD l 1 2 0
expect 1,2 stat a uid,gid
expect 0 truncate a 12345
expect 12345,0 stat a size,blocks
expect 0 open a O_RDWR : ftruncate 0 5
expect 5 stat a size
expect EINVAL truncate a -1
expect 0 open a O_RDWR : posix_fallocate 0 0 5000
expect 5000,16 stat a size,blocks
expect 0 truncate a 0
expect Hello,_World! open a O_RDWR : write 0 Hello,_World! : pread 0 13 0
expect World! open a O_RDONLY : pread 0 7
expect 13 open a O_RDONLY : unlink a : fstat 0 size
expect ENOENT stat a size
expect 0 create a 0644
expect 0 open . O_RDONLY : utimensat 0 a 100000000 100000000 200000000 200000000 0
expect 100000000,100000000,200000000,200000000 lstat a atime,atime_ns,mtime,mtime_ns
expect 0 open . O_RDONLY : utimensat 0 a 0 UTIME_OMIT 5 6 0
expect 100000000,5,6 lstat a atime,mtime,mtime_ns
expect EINVAL open . O_RDONLY : utimensat 0 a 0 1000000000 0 0 0
expect 0 open . O_RDONLY : utimensat 0 l 7 0 8 0 AT_SYMLINK_NOFOLLOW
expect 7,8 lstat l atime,mtime
before=`${fstest} stat a mtime`
expect 0 open . O_RDONLY : utimensat 0 a 0 UTIME_NOW 0 UTIME_NOW 0
check ${before} -lt `${fstest} stat a mtime`
born=`${fstest} stat a birthtime`
check ${born} -gt 1000000000
expect '[0-9]+,[0-9]+,[0-9]+' stat a inode,ctime_ns,birthtime_ns
expect unknown stat a nonsense
expect dir,0755 fstatat AT_FDCWD . 0 type,mode
expect symlink fstatat AT_FDCWD l AT_SYMLINK_NOFOLLOW type
finish
