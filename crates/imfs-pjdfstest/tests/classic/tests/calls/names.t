#!/bin/sh
desc="calls that make, move and remove names"

dir=`dirname $0`
. ${dir}/../misc.sh

expect 0 create a 0644
expect EEXIST create a 0644
expect regular,0644,1 lstat a type,mode,nlink
expect 0 link a b
expect 2 stat b nlink
expect EEXIST link a b
expect 0 linkat AT_FDCWD a AT_FDCWD c 0
expect 0 symlink a l
expect symlink,1 lstat l type,size
expect regular stat l type
expect 0 linkat AT_FDCWD l AT_FDCWD m AT_SYMLINK_FOLLOW
expect regular lstat m type
expect 4 stat a nlink
expect 0 symlinkat a AT_FDCWD n
expect 0 rename c d
expect ENOENT rename c d
expect 0 renameat AT_FDCWD d AT_FDCWD c
expect 0 unlink c
expect ENOENT unlink c
expect 0 unlinkat AT_FDCWD m 0
expect 0 mkdir sub 0755
expect dir,0755 lstat sub type,mode
expect EISDIR unlink sub
expect ENOTDIR mkdir a/sub 0755
expect 0 mkdirat AT_FDCWD sub/sub 0700
expect ENOTEMPTY rmdir sub
expect 0 unlinkat AT_FDCWD sub/sub AT_REMOVEDIR
expect 0 rmdir sub
expect 0 mkfifo fifo 0600
expect fifo,0600 lstat fifo type,mode
expect 0 mkfifoat AT_FDCWD fifo2 0600
expect 0 mknod dev c 0600 1 3
expect char,1,3 lstat dev type,major,minor
expect 0 mknodat AT_FDCWD dev2 b 0600 7 0
expect block,7,0 lstat dev2 type,major,minor
expect 0 mknod file o 0600 0 0
expect regular lstat file type
expect EPERM mknod dir d 0600 0 0
expect 0 mknod fifo3 f 0600 0 0
expect 0 bind socket
expect socket lstat socket type
expect EADDRINUSE bind socket
expect ECONNREFUSED connect socket
expect ECONNREFUSED connect a
expect ENOENT connect none
expect 0 symlink loop loop
expect ELOOP stat loop type
name_max=`${fstest} pathconf . _PC_NAME_MAX`
check ${name_max} -eq 255
expect 4096 pathconf . _PC_PATH_MAX
expect unlimited pathconf . _PC_SYMLINK_MAX
expect 127 open a O_RDONLY : fpathconf 0 _PC_LINK_MAX
finish
