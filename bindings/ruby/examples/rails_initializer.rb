# frozen_string_literal: true

# config/initializers/splitclient.rb of a Rails application. Puma and Unicorn may preload it: workers need no hook.
require 'splitclient-rb'

# The flags where there is no SDK key: in development and in tests. Without this file either, the key is nil, of which
# an error is logged: Rails starts, and every treatment is `control`.
flags = Rails.root.join('config', 'split.yaml')
sdk_key = ENV.fetch('SPLIT_SDK_KEY') { 'localhost' if flags.exist? }

Rails.configuration.split_factory = SplitIoClient::SplitFactory.new(
  sdk_key, split_file: flags.to_s, logger: Rails.logger
)

# Rails starts without waiting; until there are definitions, every treatment is `control`. To wait instead:
#   Rails.configuration.split_factory.client.block_until_ready(10)
#
# In a controller:
#   client = Rails.configuration.split_factory.client
#   render(client.get_treatment(current_user.id, 'new_checkout') == 'on' ? 'new' : 'old')
