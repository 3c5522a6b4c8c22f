echo $GIT_SHA
