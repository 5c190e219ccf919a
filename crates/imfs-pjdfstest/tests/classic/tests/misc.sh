# What the scripts here share, in the manner of the classic suite: they know it only by its commands.

ntest=1
maindir=$(dirname "$0")
while [ ! -x "${maindir}/pjdfstest" ] && [ "${maindir}" != / ]; do
	maindir=$(cd "${maindir}/.."; pwd)
done
fstest="${maindir}/pjdfstest"
fs=`df -PT . | tail -1 | awk '{print toupper($2)}'`

# expect PATTERN ARGUMENTS: the last line that pjdfstest prints.
expect()
{
	e="${1}"
	shift
	r=`${fstest} $* 2>/dev/null | tail -1`
	if echo "${r}" | grep -Eq '^'${e}'$'; then
		echo "ok ${ntest}"
	else
		echo "not ok ${ntest} - tried '$*', expected ${e}, got ${r}"
	fi
	: $(( ntest += 1 ))
}

# check CONDITION: of test(1).
check()
{
	if [ "$@" ]; then
		echo "ok ${ntest}"
	else
		echo "not ok ${ntest} - not so: $*"
	fi
	: $(( ntest += 1 ))
}

# The end of a script, with the number of tests that it had.
finish()
{
	echo "1..$(( ntest - 1 ))"
}
