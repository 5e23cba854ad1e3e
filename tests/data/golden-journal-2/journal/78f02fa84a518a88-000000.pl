01fccfcc053fb93a8a6cf0b4e27d005f {"content":"hi","role":"human"}
51852fb86b4b6fe8107920bdbe41aad1 {"content":"","role":"ai","tool_calls":[{"args":{"amount":1},"id":"c1","name":"refund"}]}
5794198df9753d142ab788abd5dd530f {"content":"done 1","role":"tool"}
404427e51c41eb6fb5e8d2a4a73a6c3e {"content":"","role":"ai","tool_calls":[{"args":{"amount":2},"id":"c2","name":"refund"}]}
35f338d5753e55b52f10e07cf9735dbe {"content":"done 2","role":"tool"}
7a9d3e91f3d9d169f368c74928d5434c {"content":"","role":"ai","tool_calls":[{"args":{"amount":3},"id":"c3","name":"refund"}]}
