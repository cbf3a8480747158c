import ArgumentParser
import Kernel
import Logging
import TOMLKit

print(Errno(2), try TOMLTable(string: "a = 1"))
