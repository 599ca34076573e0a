# frozen_string_literal: true

# config/initializers/splitclient.rb of a Rails application. Puma and Unicorn may preload it: workers need no hook.
require 'splitclient-rb'

Rails.configuration.split_factory = SplitIoClient::SplitFactory.new(
  ENV.fetch('SPLIT_SDK_KEY', 'localhost'),
  # Where there is no SDK key: in development and in tests.
  split_file: Rails.root.join('config', 'split.yaml').to_s,
  logger: Rails.logger
)

# Rails starts without waiting; until there are definitions, every treatment is `control`. To wait instead:
#   Rails.configuration.split_factory.client.block_until_ready(10)
#
# In a controller:
#   client = Rails.configuration.split_factory.client
#   render(client.get_treatment(current_user.id, 'new_checkout') == 'on' ? 'new' : 'old')
