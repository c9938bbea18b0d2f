#ifndef RN_CLI_CLI_H
#define RN_CLI_CLI_H

int rn_cli_main(int argc, char **argv);

#endif
