# Read by the shell before each script: a cd may lead into a directory that is only in the IMFS.

cd()
{
	_imfs_where=$(imfs-cd "$@")
	case $? in
	0)
		command cd "${_imfs_where}"
		;;
	2)
		# Not in the IMFS.
		command cd "$@"
		;;
	*)
		return 1
		;;
	esac
}
